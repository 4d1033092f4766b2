/*
 * The checksums that ledgers hold: Flyway's CRC-32 of lines, sqlx' SHA-384,
 * Prisma's and Drizzle's SHA-256, Sqitch's SHA-1 of the deploy script.
 * Atlas' depends on the files before it and is checked against atlas.sum;
 * Liquibase's MD5 and refinery's SipHash are taken over forms of the change
 * that only those tools know, and are not compared.
 */
#define _GNU_SOURCE
#include "migrate_difference.h"
#include "../wire/digest.h"
#include "../wire/sha256.h"

#include <stdio.h>

_Static_assert(DIGEST_TEXT >= SHA256_TEXT, "a digest has room");

void migrate_difference_sum(enum migrate_tool tool, const char *text,
                            size_t size, char *out, size_t room)
{
    char digest[DIGEST_TEXT] = "";
    switch (tool) {
    case TOOL_FLYWAY:
        snprintf(digest, sizeof digest, "%d", migrate_file_crc(text, size));
        break;
    case TOOL_SQLX:
        digest_sha384(text, size, digest);
        break;
    case TOOL_PRISMA:
    case TOOL_DRIZZLE:
        sha256_text(text, size, digest);
        break;
    case TOOL_SQITCH:
        digest_sha1(text, size, digest);
        break;
    default:
        break;
    }
    snprintf(out, room, "%s", digest);
}
