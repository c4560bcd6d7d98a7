//go:build tools

// Package promtool pins the checker of Prometheus' files, in the version of the agents' image.
package promtool

import _ "github.com/prometheus/prometheus/cmd/promtool"
