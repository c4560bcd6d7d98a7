// Package java holds what the docker-build provider writes into its schema for Java's code generator.
// It stands in for the generator itself, which serving images never needs.
package java

// PackageInfo is the "java" entry of the schema's language map.
type PackageInfo struct {
	BuildFiles                      string            `json:"buildFiles,omitempty"`
	GradleNexusPublishPluginVersion string            `json:"gradleNexusPublishPluginVersion,omitempty"`
	Dependencies                    map[string]string `json:"dependencies,omitempty"`
}
