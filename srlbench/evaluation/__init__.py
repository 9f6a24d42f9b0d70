"""The evaluation of encoders: from an encoder to scores; only this package uses mteb."""
