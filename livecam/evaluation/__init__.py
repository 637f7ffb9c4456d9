"""How good a map is: measures of the field as pure functions, and what runs them over data sets.

A measure takes a map at picture size, (H, W) float32, and says in its docstring its formula, paper, range, and whether
higher is better. Those that depend on how a map is scaled range it first: minimum 0, maximum 1, flat maps 0.
"""
