// Builds only as part of the module above, which has the replacements.
module github.com/terraform-providers/terraform-provider-docker/shim

go 1.26

require github.com/terraform-providers/terraform-provider-docker v0.0.0
