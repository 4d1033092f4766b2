/* The drivers of rbrun-curl.so: everything that speaks HTTP or SMTP. */
#include "driver.h"

extern const struct driver deploy_symlink;
extern const struct driver metric_prometheus;
extern const struct driver notify_slack;
extern const struct driver notify_webhook;
extern const struct driver notify_smtp;
extern const struct driver http_http;
extern const struct driver flag_http;
extern const struct driver snapshot_http;
extern const struct driver deploy_symlink;

const struct driver *const rbrun_drivers[] = {
    &deploy_symlink, &metric_prometheus,
    &notify_slack,   &notify_webhook,
    &notify_smtp,    &http_http,
    &flag_http,      &snapshot_http,
    &deploy_symlink, NULL,
};
