module github.com/hookauthz/hookauthz/test

go 1.26.0

require (
	github.com/hookauthz/hookauthz v0.0.0
	go.yaml.in/yaml/v4 v4.0.0
	golang.org/x/net v0.60.0
)

require golang.org/x/text v0.42.0 // indirect

replace github.com/hookauthz/hookauthz => ../
