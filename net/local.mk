# SPDX-License-Identifier: MIT
#
# net/local.mk - addresses, TCP, name lookup; and libpicot-http's HTTP/1.1.

net_sources = \
    net/addr.c \
    net/internal.h \
    net/message.c \
    net/tcp.c

http_sources = \
    net/http/body.c \
    net/http/chunked.c \
    net/http/client.c \
    net/http/conn.c \
    net/http/frame.c \
    net/http/gather.c \
    net/http/internal.h \
    net/http/parse.c \
    net/http/send.c \
    net/http/serve.c \
    net/http/server.c \
    net/http/words.c
