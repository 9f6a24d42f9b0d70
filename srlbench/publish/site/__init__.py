"""The results as a static site: the data of its pages, its pictures, and its folder.

Only callers that publish should import this: it loads matplotlib.
"""
