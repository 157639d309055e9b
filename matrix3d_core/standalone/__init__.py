"""The console: the whole pipeline without the host, its models run by diffusers."""
