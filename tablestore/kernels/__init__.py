"""Hot loops over primitive arrays.

Knows: numpy arrays. Does not know: Arrow, errors, anything else of the project.
"""
