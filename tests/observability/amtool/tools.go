//go:build tools

// Package amtool pins the checker of the Alertmanager's files, in the version of the local stack's image.
package amtool

import _ "github.com/prometheus/alertmanager/cmd/amtool"
