//go:build tools

// Package dockerbuild pins the Pulumi plugin that builds images.
package dockerbuild

import _ "github.com/pulumi/pulumi-docker-build/provider/cmd/pulumi-resource-docker-build"
