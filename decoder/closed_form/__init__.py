"""Networks fitted by formula instead of gradient descent."""
