//go:build tools

// Package buildkit pins BuildKit, which the tests run where its image cannot be pulled.
package buildkit

import (
	_ "github.com/moby/buildkit/cmd/buildkitd"
)
