"""One file a map of sentence vectors that is fitted after the training: a function, named as its file.

It takes the vectors of training text, (n, d) in double precision, and returns the matrix (k, d) and the offset (k,) of
y = W x + o.
"""
