# One static binary in an empty image.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -pgo=cmd/memo/release.pgo -o /out/memo ./cmd/memo && mkdir /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/memo /memo
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV MEMO_DATA=/data MEMO_LISTEN=0.0.0.0:8080 TMPDIR=/data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s CMD ["/memo", "health"]
ENTRYPOINT ["/memo"]
CMD ["serve"]
