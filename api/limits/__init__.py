"""Rate limits: the algorithm, its two stores (this process, Redis), and the admission of one request."""
