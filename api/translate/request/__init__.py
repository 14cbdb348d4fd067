"""What every translated request has: its context, its body, its upstream call."""
