def validate(*a): pass
