# What fails in the simulated lab.

sim-no-place = the simulated lab has no place `{ $place }` now
sim-no-job = the simulated lab has no job { $job }
sim-no-capture = the simulated lab has no capture { $capture }
sim-no-network = `{ $place }` has no network here
sim-no-state = the simulated lab kept no state `{ $name }`
sim-no-device = { $place } has no device `{ $device }`
sim-list-devices = `:on { $place }`, then `ip -br link` lists its devices
