# The systemd units of the services, as text. Needs $program and $etc.

# env_file ROLE: the flags of the service. A worker is two services, and one line of flags is for both.
env_file() {
  case $1 in netproxy) printf %s "$etc/worker.env" ;; *) printf %s "$etc/$1.env" ;; esac
}

# hardening ROLE FLAGS...: what the service may not do.
#
# A master is a program that listens, and writes into its data directory (which may be anywhere but in the system's own
# directories): it has no capability but those for files and low ports, and sees neither devices nor the kernel's settings. V8 makes
# machine code as it runs, so memory stays writable and executable.
#
# An agent is root for its node: it mounts volumes where the runtime sees them, so that it may have no mounts of its own (which
# ProtectSystem=, PrivateTmp= and their kin would give it), and whatever it starts inherits what it may not. Capabilities and system
# calls that neither it nor a tool of its needs are taken from it, unless it is the parent of its pods or of their runtime: then they
# would be taken from pods.
#
# A worker's network writes rules, routes and settings of the network, and listens: it needs the network's capabilities and those that
# load the modules of rules, and no mounts that anybody else sees.
hardening() {
  local role=$1
  shift
  case $role in
    master)
      cat <<END
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_NET_BIND_SERVICE
LockPersonality=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=full
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
UMask=0077
END
      ;;
    netproxy)
      cat <<END
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SYS_MODULE
LockPersonality=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectProc=invisible
ProtectSystem=full
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service @module
UMask=0077
END
      ;;
    worker)
      case " $* " in
        *' --containerd-managed '* | *' --runtime=process '* | *' --runtime process '*) return 0 ;;
      esac
      cat <<END
CapabilityBoundingSet=~CAP_AUDIT_CONTROL CAP_AUDIT_READ CAP_BLOCK_SUSPEND CAP_IPC_LOCK CAP_LEASE CAP_LINUX_IMMUTABLE CAP_MAC_ADMIN
CapabilityBoundingSet=~CAP_MAC_OVERRIDE CAP_SYSLOG CAP_SYS_BOOT CAP_SYS_PACCT CAP_SYS_RAWIO CAP_SYS_TIME CAP_SYS_TTY_CONFIG
CapabilityBoundingSet=~CAP_WAKE_ALARM
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET
RestrictRealtime=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=~@clock @cpu-emulation @debug @obsolete @raw-io @reboot @swap
END
      ;;
  esac
}

# unit_text ROLE ABOUT AFTER KILL_MODE FLAGS...: the unit of a service with these flags.
unit_text() {
  local role=$1 about=$2 after=$3 kill_mode=$4
  shift 4
  cat <<END
[Unit]
Description=$about
After=network-online.target $after
Wants=network-online.target $after

[Service]
EnvironmentFile=$(env_file "$role")
ExecStart=$program $role \$TRIREME_FLAGS
Restart=always
RestartSec=1
# Wrong flags: starting again would not help.
RestartPreventExitStatus=2
KillMode=$kill_mode
TimeoutStopSec=20
LimitNOFILE=1048576
TasksMax=infinity
$([ "$role" != worker ] || echo Delegate=yes)
OOMScoreAdjust=-900
$(hardening "$role" "$@")

[Install]
WantedBy=multi-user.target
END
}
