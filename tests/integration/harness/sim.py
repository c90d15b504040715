"""The provider simulator as the integration tests see it: Simulator starts one, its methods are the control calls."""
from harness.paths import simulator_module

Simulator = simulator_module("client").Simulator
SimulatorError = simulator_module("client").SimulatorError
