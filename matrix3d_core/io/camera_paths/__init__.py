"""Camera paths of other tools: one small file per family of formats, `door` to detect them."""
