module visualizer

go 1.26.0
