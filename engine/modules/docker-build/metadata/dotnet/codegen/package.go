// Package codegen holds what the docker-build provider writes into its schema for .NET's code generator.
// It stands in for the generator itself, which building images never needs.
package codegen

// CSharpPackageInfo is the "csharp" entry of the schema's language map.
type CSharpPackageInfo struct {
	PackageReferences    map[string]string `json:"packageReferences,omitempty"`
	RespectSchemaVersion bool              `json:"respectSchemaVersion,omitempty"`
}
