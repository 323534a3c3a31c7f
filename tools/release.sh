#!/bin/sh
# Builds what a release has into the folder dist: an archive of both programs for each platform,
# a bill of materials in CycloneDX for each program, and the SHA-256 of all of them. The same
# commit gives the same bytes, whoever builds it and where, with the same Go.
#
#   tools/release.sh VERSION LDFLAGS     PLATFORMS="linux/amd64 …" for some of them
set -eu

version=$1
ldflags=$2
platforms=${PLATFORMS:-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64}
sbom=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

tar --version 2>/dev/null | grep -q GNU || { echo 'make release: GNU tar is needed' >&2; exit 1; }
when=$(git log -1 --format=%ct)
rm -rf dist
mkdir dist
for platform in $platforms; do
    name=revocast-$version-$(echo "$platform" | tr / -)
    mkdir "dist/$name"
    GOOS=${platform%/*} GOARCH=${platform#*/} CGO_ENABLED=0 \
        go build -trimpath -buildvcs=false -ldflags "$ldflags" -o "dist/$name/" ./cmd/publisher ./cmd/subscriber
    cp README.md LICENSE SECURITY.md CHANGELOG.md "dist/$name/"
    for program in publisher subscriber; do
        GOWORK=off GOFLAGS=-mod=mod go run "$sbom" bin -json -noserial -version "$version" \
            -output "dist/$name.$program.cdx.json" "dist/$name/$program"
        # The time of the making is all that differs from one time to another.
        sed -i '/"timestamp":/d' "dist/$name.$program.cdx.json"
    done
    tar --sort=name --mtime="@$when" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX -C dist -cf - "$name" |
        gzip -9n > "dist/$name.tar.gz"
    rm -r "dist/$name"
done
cd dist
sha256sum -- * > SHA256SUMS
cat SHA256SUMS
