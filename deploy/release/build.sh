#!/usr/bin/env bash
# Builds the files of a release from the commit that is checked out. The same commit and the same Go version produce the
# same bytes.
#
#   deploy/release/build.sh                     dist/release: archives, the Azure Functions package, SHA256SUMS
#   deploy/release/build.sh --compare           builds twice, from clones in two folders, and compares; without network, and the second without a cache
#   deploy/release/build.sh --licences OS/ARCH  prints the licences to distribute with that program
#   TARGETS='linux/amd64' deploy/release/build.sh
#
# Needs Go and GNU tar. SBOM=1 adds a list of each program's modules, made by cyclonedx-gomod.
set -euo pipefail
cd "$(dirname "$0")/../.."

export CGO_ENABLED=0 GOFLAGS='-trimpath -buildvcs=true'
targets=${TARGETS:-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64}

# build OS/ARCH FILE
build() {
  GOOS=${1%/*} GOARCH=${1#*/} go build -ldflags='-s -w' -o "$2" .
}

# licences OS/ARCH: the licences of all modules linked into the program for that platform. They must be distributed with it.
licences() {
  GOOS=${1%/*} GOARCH=${1#*/} go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' . | LC_ALL=C sort -u |
    while read -r path version dir; do
      printf '%s %s\n\n' "$path" "$version"
      found=$(find "$dir" -maxdepth 1 -type f \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'notice*' \) | LC_ALL=C sort)
      [[ -n $found ]] || { echo "$path has no licence" >&2; exit 1; }
      while read -r file; do cat "$file"; done <<<"$found"
      printf '\n---\n\n'
    done
}

compare() {
  local begun=$SECONDS here
  here=$(pwd)
  scratch=$(mktemp -d)
  trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
  for clone in one another/folder; do
    git clone --quiet "$here" "$scratch/$clone"
    (
      cd "$scratch/$clone"
      [[ $clone == one ]] || export GOCACHE=$scratch/cache
      build linux/amd64 dist/countersign
      go run ./deploy/package -o dist/countersign.zip >/dev/null
      ./dist/countersign version
    )
  done
  sha256sum "$scratch"/{one,another/folder}/dist/countersign{,.zip} | sed "s|$scratch/||"
  for file in countersign countersign.zip; do
    cmp "$scratch/one/dist/$file" "$scratch/another/folder/dist/$file"
  done
  echo "both builds produced the same binary and package, in $((SECONDS - begun)) s"
}

case ${1:-} in
--compare)
  compare
  exit
  ;;
--licences)
  licences "$2"
  exit
  ;;
esac

out=dist/release
rm -rf "$out"
mkdir -p "$out"
version=$(git describe --tags --always --dirty)
time=$(git log -1 --format=%ct)
for target in $targets; do
  name=countersign_${version#v}_${target/\//_}
  program=countersign
  [[ $target != windows/* ]] || program=countersign.exe
  mkdir -p "$out/$name"
  build "$target" "$out/$name/$program"
  cp README.md CHANGELOG.md SECURITY.md "$out/$name/"
  [[ ! -e LICENSE ]] || cp LICENSE "$out/$name/"
  licences "$target" >"$out/$name/THIRD_PARTY_LICENSES"
  tar --create --directory "$out" --sort=name --mtime="@$time" --owner=0 --group=0 --numeric-owner --mode='u+w,go-w' "$name" |
    gzip --no-name --best >"$out/$name.tar.gz"
  if [[ ${SBOM:-} ]]; then
    go run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 bin -json -noserial -notimestamp -output "$out/$name.cdx.json" "$out/$name/$program"
  fi
  rm -r "${out:?}/$name"
done
licences linux/amd64 >dist/THIRD_PARTY_LICENSES
go run ./deploy/package -o "$out/countersign_${version#v}_azure-functions.zip" dist/THIRD_PARTY_LICENSES
go run . config schema >"$out/countersign.schema.json"
cp docs/log.schema.json deploy/prometheus/{rules.yaml,dashboard.json} deploy/systemd/{countersign.service,notify-reload.conf} "$out/"
(cd "$out" && sha256sum -- * >SHA256SUMS)
