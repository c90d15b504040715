"""The provider simulator as the integration tests see it: Simulator starts one, its methods are the control calls."""
from harness.paths import simulator_client

Simulator = simulator_client().Simulator
SimulatorError = simulator_client().SimulatorError
