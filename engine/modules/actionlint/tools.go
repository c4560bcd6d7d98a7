//go:build tools

// Package actionlint pins the linter of workflows, so that `go build` in this folder gives the version of go.mod.
package actionlint

import _ "github.com/rhysd/actionlint/cmd/actionlint"
