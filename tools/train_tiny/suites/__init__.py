"""What the model learns to do; each module makes items of one suite: `make(rng, effort)`."""
