"""The results as a static site: what its pages say as plain data, the pictures, the writing.

Only callers that publish should import this: it loads matplotlib.
"""
