# 模拟实验环境里的错误。

sim-no-place = 模拟实验环境里现在没有 `{ $place }` 这个位置
sim-no-job = 模拟实验环境里没有作业 { $job }
sim-no-capture = 模拟实验环境里没有抓包 { $capture }
sim-no-network = `{ $place }` 在这里没有网络
sim-no-state = 模拟实验环境没有保存过状态 `{ $name }`
sim-no-device = { $place } 上没有设备 `{ $device }`
sim-list-devices = 先 `:on { $place }`，再用 `ip -br link` 列出那里的设备
