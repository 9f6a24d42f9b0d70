"""One file a companion: what trains beside the encoder (a queue, a teacher, another objective), named as its file.

A companion is a torch module, made of a `training.step.Start` and its arguments. It has one or more of these methods,
each of which is called in every step:

- `pooled(step, index, vectors)` returns other vectors of a view, before the head;
- `encode(step, text)` returns the vectors of a view that names it as its encoder;
- `gives(step)` returns a dictionary of what the loss has as keyword parameters without a default;
- `loss(step)` returns a scalar that is added to the loss, weighted as it likes;
- `after(step)` changes its state, after the loss and without a gradient.

Its buffers and parameters are in each checkpoint. Parameters that want a gradient are trained; none reaches the kept
encoder. With several ranks, what `gives` returns is for the rows of all of them (`step.ranks.all_gather`).
"""
