FROM base
ARG SERVICE
COPY greeting.txt /
RUN echo "$SERVICE on $(cat /machine)" > /made
CMD ["cat", "/greeting.txt", "/made", "/base-id"]
