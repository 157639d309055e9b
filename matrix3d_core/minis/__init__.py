"""Small models in the released forms: their networks and files, and encoders for them without weights."""
