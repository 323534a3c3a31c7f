package wiring

import (
	"runtime/debug"
)

// version is set by the linker for a release: see LDFLAGS in the Makefile.
var version string

// Version is the software's version: the release's, else what the Go toolchain knows
// of the module or the commit that it was built from.
func Version() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return "devel" + revision(info)
}

func revision(info *debug.BuildInfo) string {
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return ""
}
