//go:build tools

// Package cli pins the Pulumi CLI, so that `go build` in this folder gives the version of go.mod.
package cli

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
