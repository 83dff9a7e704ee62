# A slim Debian with one node and one npm, laid out as in Docker's official image of node.
# images/build calls this with a context that holds the tarballs of both from npm's registry,
# so that building asks no host but Debian's mirrors, and none where BASE has git already.
#
# Pinned by tag and not by digest: a tag moves with Debian's security updates. What matters
# here, node and npm, is held to the integrity that images/matrix.toml records.
ARG BASE=debian:bookworm-slim
FROM ${BASE}

RUN command -v git >/dev/null && [ -e /etc/ssl/certs/ca-certificates.crt ] || \
    { apt-get update && \
      apt-get install -y --no-install-recommends ca-certificates git && \
      rm -rf /var/lib/apt/lists/*; }

# The versions, and their integrity as npm's registry and lockfiles write it: sha512-BASE64.
ARG NODE
ARG NODE_INTEGRITY
ARG NPM
ARG NPM_INTEGRITY

COPY node.tgz npm.tgz /tmp/
RUN set -eu; \
    check() { \
        echo "$(printf %s "${2#sha512-}" | base64 -d | od -An -v -tx1 | tr -d ' \n')  $1" | sha512sum --check --quiet; \
    }; \
    check /tmp/node.tgz "$NODE_INTEGRITY"; \
    check /tmp/npm.tgz "$NPM_INTEGRITY"; \
    mkdir -p /tmp/node /usr/local/lib/node_modules/npm; \
    tar -xzf /tmp/node.tgz -C /tmp/node --strip-components 1 --no-same-owner; \
    install -m 0755 /tmp/node/bin/node /usr/local/bin/node; \
    cp -r /tmp/node/include/. /usr/local/include/; \
    tar -xzf /tmp/npm.tgz -C /usr/local/lib/node_modules/npm --strip-components 1 --no-same-owner; \
    for name in npm npx; do \
        chmod 0755 "/usr/local/lib/node_modules/npm/bin/$name-cli.js"; \
        ln -s "../lib/node_modules/npm/bin/$name-cli.js" "/usr/local/bin/$name"; \
    done; \
    rm -rf /tmp/node /tmp/node.tgz /tmp/npm.tgz; \
    if ! id node >/dev/null 2>&1; then \
        echo 'node:x:1000:1000::/home/node:/bin/bash' >>/etc/passwd; \
        echo 'node:x:1000:' >>/etc/group; \
        install -d -o 1000 -g 1000 /home/node; \
    fi; \
    [ "$(node --version)" = "v$NODE" ]; \
    [ "$(npm --version)" = "$NPM" ]

CMD ["node"]
