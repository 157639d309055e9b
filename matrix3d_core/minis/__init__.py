"""Small models in the released forms that come with the pack: their files, and encoders for them without weights."""
