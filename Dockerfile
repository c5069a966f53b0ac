# One static binary, no shell, no root, and nothing writable except /tmp, which only allow_send needs.
#
#   docker run --read-only --cap-drop ALL -p 8080:8080 -e … countersign

FROM --platform=$BUILDPLATFORM golang:1.26-trixie AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags='-s -w' -o /countersign . && \
    deploy/release/build.sh --licences $TARGETOS/$TARGETARCH >/THIRD_PARTY_LICENSES && mkdir /spool

FROM scratch
ARG VERSION REVISION CREATED SOURCE
LABEL org.opencontainers.image.title=countersign \
      org.opencontainers.image.description="Signs HTTP requests for AWS on behalf of tools that cannot" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.created=$CREATED \
      org.opencontainers.image.source=$SOURCE \
      org.opencontainers.image.documentation=$SOURCE/blob/main/docs/README.md
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /countersign /THIRD_PARTY_LICENSES /
COPY --from=build --chown=65532:65532 /spool /tmp
# A number, since there is no passwd file to look up a name in, and Kubernetes' runAsNonRoot requires one.
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s CMD ["/countersign", "healthcheck"]
ENTRYPOINT ["/countersign"]
CMD ["serve"]
