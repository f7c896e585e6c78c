def expressions():
    return []
