"""How good the jumps of each metric are: state error, seams, variety, and whether a classifier is fooled."""
