"""What Dovecot is told, with places to fill in by `str.format`."""

# Dovecot 2.3 wants one setting per line and nothing after an opening brace.
# Without the anvil listener's mode, every failed login would cost the next one seconds.
COMMON = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
instance_name = {name}
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
auth_failure_delay = 0
auth_cache_size = 0
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 00
  }}
}}
service stats {{
  chroot =
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN username_format=%u {folder}/users
}}
"""

MAILBOXES = """
protocols = imap lmtp
hostname = {hostname}
listen = {ip}
mail_location = maildir:{folder}/mail/%d/%n:LAYOUT=fs:INBOX={folder}/mail/%d/%n/.INBOX
mail_home = {folder}/home/%d/%n
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = {uid}
first_valid_gid = {gid}
mail_plugins = quota
ssl = yes
ssl_cert = <{tls}.crt
ssl_key = <{tls}.key
ssl_dh =
auth_mechanisms = plain login xoauth2 oauthbearer
auth_verbose = yes
disable_plaintext_auth = yes
mailbox_idle_check_interval = 1s
verbose_proctitle = yes
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf.ext
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {folder}/users
  default_fields = uid={uid} gid={gid}
}}
service imap-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  client_limit = 200
  inet_listener imap {{
    port = {starttls}
  }}
  inet_listener imaps {{
    port = {implicit}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = {ip}
    port = {lmtp}
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
{folders}
}}
protocol imap {{
  mail_plugins = quota imap_quota
  mail_max_userip_connections = 100
}}
protocol lmtp {{
  mail_plugins = quota sieve
  postmaster_address = postmaster@{domain}
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:storage=50M
  sieve_before = {folder}/spam.sieve
  sieve = file:{folder}/home/%d/%n/sieve;active={folder}/home/%d/%n/.dovecot.sieve
}}
"""

RELAY_LOGINS = """
protocols =
ssl = no
auth_mechanisms = plain login
disable_plaintext_auth = no
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}
}}
service auth {{
  inet_listener {{
    address = {ip}
    port = {port}
  }}
}}
"""

SIEVE = """
require ["fileinto", "mailbox"];
if header :is "X-Spam" "Yes" {{ fileinto :create "{junk}"; stop; }}
"""

LOCAL_VALIDATION = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={keys}/
username_attribute = email
issuers = {issuer}
"""

INTROSPECTION = """
introspection_mode = post
introspection_url = http://{ip}:{port}/introspect
username_attribute = sub
active_attribute = active
active_value = true
"""
