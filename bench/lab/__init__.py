"""What bench/run is made of: figures, the context that rows measure in, noise, the table, charts, the page."""
