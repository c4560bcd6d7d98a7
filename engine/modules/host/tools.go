//go:build tools

// Package host pins the program by which the Pulumi CLI runs Python.
package host

import _ "github.com/pulumi/pulumi/sdk/python/cmd/pulumi-language-python/v3"
