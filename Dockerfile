# One image: Node 26, not root, fit for a read-only root file system; what is kept is in /data.
FROM node:26.10.0-slim AS packages
WORKDIR /signet
COPY package.json package-lock.json ./
# The optional packages stay, for argon2's binary is one of them; the Node binaries among them do not: the image has one.
RUN npm ci --omit=dev --no-audit --no-fund && rm -rf node_modules/node-linux-* node_modules/.bin

FROM node:26.10.0-slim
ENV NODE_ENV=production DATA_DIR=/data HOST=0.0.0.0 NODE_COMPILE_CACHE=/tmp/signet-compile-cache
WORKDIR /signet
COPY --from=packages /signet/node_modules node_modules
COPY package.json LICENSE NOTICE ./
COPY bin bin
COPY config config
COPY migrations migrations
COPY views views
COPY src src
RUN mkdir /data && chown node:node /data && chmod 700 /data && ln -s /signet/bin/signet.cjs /usr/local/bin/signet
USER node
VOLUME /data
EXPOSE 4000
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s CMD ["signet", "healthcheck"]
ENTRYPOINT ["signet"]
CMD ["serve"]
