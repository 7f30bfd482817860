// Package shim opens the upstream provider's constructor, which lives in an internal package: Go lets
// only a path below the provider's own module import it, hence this module's name.
package shim

import (
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"github.com/terraform-providers/terraform-provider-docker/internal/provider"
)

// NewProvider returns the Docker provider as upstream builds it.
func NewProvider(version string) *schema.Provider {
	return provider.New(version)()
}
