"""The toolkit of the families: frames, materials, shapes and the things that scenes are made of."""
