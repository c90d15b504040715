"""What the integration tests share: the real daemon, the real command, the simulator, a small Varlink client."""
