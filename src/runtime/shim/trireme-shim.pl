#!/usr/bin/perl
# trireme-shim: stays with a container while the node agent comes and goes.
#
#   [path LOG max BYTES]
#       logger of a containerd task (`binary://`): reads stdout and stderr on descriptors 3 and 4, and says that it is
#       ready by closing 5
#   run KEY VALUE… -- COMMAND
#       runs a command on pipes or on a terminal, logs its output, serves attached clients through a socket, and leaves
#       its exit code in a file. Keys: path LOG, max BYTES, exit FILE, pid FILE, cwd DIRECTORY, sock SOCKET, and stdin,
#       once, tty, raw (0 or 1)
#   pty [cooked] COMMAND
#       runs a command on a new terminal and copies between that and its own standard input and output; lines
#       "ROWS COLUMNS" on descriptor 3 set the size; exits as the command does
#   relay HOST PORT
#       copies between its standard input and output and a TCP connection, and half-closes each way; says `connected` on
#       its standard error first
#   enter ROOT DIRECTORY [SOURCE TARGET ro|rw]… -- COMMAND
#       mounts what is named into ROOT, makes ROOT the root directory, and runs a command there
#   pause
#       init of a shared PID namespace: reaps, and ends only by SIGKILL
#
# Only perl-base is needed, which every Debian has. A logger runs beside every container, so that mode loads no module
# but Errno: POSIX alone would be 1.6 MB of memory for each, `constant` 0.4 MB (docs/decisions/0006-the-shim.md).
use strict;
use warnings;
use Errno qw(EINTR EAGAIN ENOENT);

# A line of a CRI log has at most so many bytes; longer ones are cut (kubelet and containerd do the same).
sub LINE_BYTES_MAX () { 16384 }
sub READ_BYTES () { 65536 }
# Bytes that an attached client may leave unread, may send ahead, and may put into one frame.
sub UNREAD_BYTES_MAX () { 4 * 1024 * 1024 }
sub AHEAD_BYTES_MAX () { 256 * 1024 }
sub FRAME_BYTES_MAX () { 1024 * 1024 }
# Types of frames; src/runtime/console-session.ts has them too.
sub STDIN_DATA () { 0 }
sub STDOUT_DATA () { 1 }
sub STDERR_DATA () { 2 }
sub EXIT () { 3 }
sub STDIN_CLOSED () { 4 }
sub RESIZE () { 5 }

# Numbers of the kernel by ELF machine, as Debian's linux-libc-dev has them for its architectures: TIOCSPTLCK (unlocks
# a terminal), TIOCGPTN (its number), TIOCSCTTY (makes it the controlling one), TIOCSWINSZ (its size), and the system
# call clock_gettime.
my @generic = (0x40045431, 0x80045430, 0x540E, 0x5414);
my %kernel = (
  3   => [@generic, 265],                                      # i386
  21  => [0x80045431, 0x40045430, 0x540E, 0x80087467, 246],    # ppc64el
  22  => [@generic, 260],                                      # s390x
  40  => [@generic, 263],                                      # armel, armhf
  62  => [@generic, 228],                                      # amd64
  183 => [@generic, 113],                                      # arm64
  243 => [@generic, 113],                                      # riscv64
);

# The numbers for one ELF machine. An unknown one has the generic terminals, and no clock below the second.
sub kernel_numbers {
  my ($machine) = @_;
  my ($unlock, $number, $control, $resize, $clock) = @{ $kernel{$machine} // \@generic };
  return { unlock => $unlock, number => $number, control => $control, resize => $resize, clock => $clock };
}

# The ELF machine that this perl was built for: what counts is its own system calls, not what the kernel calls itself.
sub elf_machine {
  open(my $self, '<:raw', '/proc/self/exe') or return 0;
  my $head = '';
  return read($self, $head, 20) == 20 ? unpack('x18 S', $head) : 0;
}

my $numbers;
sub numbers { return $numbers //= kernel_numbers(elf_machine()); }

# RFC 3339 with nanoseconds, as in a CRI log.
sub stamp {
  my ($seconds, $nanos) = (time, 0);
  my $clock = numbers()->{clock};
  if (defined $clock) {
    my $timespec = "\0" x 16;
    ($seconds, $nanos) = unpack('l!l!', $timespec) if syscall($clock, 0, $timespec) == 0;
  }
  my ($s, $m, $h, $day, $month, $year) = gmtime($seconds);
  return sprintf('%04d-%02d-%02dT%02d:%02d:%02d.%09dZ', $year + 1900, $month + 1, $day, $h, $m, $s, $nanos);
}

# A container's log in CRI format, with one older part (.1) when it is full.
package Log {
  sub open {
    my ($class, $path, $max) = @_;
    my $self = bless { path => $path, max => $max || 0, rest => {} }, $class;
    $self->reopen or die "cannot open $path: $!\n";
    return $self;
  }

  # Where the file cannot be made, the log goes on in the one that is open.
  sub reopen {
    my ($self) = @_;
    CORE::open(my $file, '>>', $self->{path}) or return 0;
    $self->{file} = $file;
    $self->{size} = -s $file || 0;
    return 1;
  }

  sub rotate {
    my ($self) = @_;
    # Tried again only after as many bytes as a whole log, should it fail.
    $self->{size} = 0;
    rename($self->{path}, "$self->{path}.1");
    $self->reopen;
  }

  sub put {
    my ($self, $text) = @_;
    $self->rotate if $self->{max} > 0 && $self->{size} > 0 && $self->{size} + length($text) > $self->{max};
    my $at = 0;
    while ($at < length $text) {
      my $count = syswrite($self->{file}, $text, length($text) - $at, $at);
      last unless defined $count; # a full disk loses lines, and never stops the container
      $at += $count;
    }
    $self->{size} += length $text;
  }

  # Takes bytes of a stream: a whole line is F (full), a piece of a longer one is P (partial).
  sub take {
    my ($self, $stream, $bytes) = @_;
    my $buffer = (delete $self->{rest}{$stream} // '') . $bytes;
    my ($now, $out, $at) = (main::stamp(), '', 0);
    my $cut = sub { $out .= "$now $stream P " . substr($_[0], 0, main::LINE_BYTES_MAX, '') . "\n"; };
    while ((my $end = index($buffer, "\n", $at)) >= 0) {
      my $line = substr($buffer, $at, $end - $at);
      $at = $end + 1;
      $cut->($line) while length $line > main::LINE_BYTES_MAX;
      $out .= "$now $stream F $line\n";
    }
    my $rest = substr($buffer, $at);
    $cut->($rest) while length $rest >= main::LINE_BYTES_MAX;
    $self->{rest}{$stream} = $rest if length $rest;
    $self->put($out) if length $out;
  }

  # The stream has ended: what has no newline is a piece of a line that never ended, as containerd writes it. Readers
  # add no newline to it, so that `printf DONE` is DONE in `kubectl logs` and in a termination message.
  sub finish {
    my ($self, $stream) = @_;
    my $rest = delete $self->{rest}{$stream} // '';
    $self->put(main::stamp() . " $stream P $rest\n") if length $rest;
  }
}

# One bit for each handle, as select takes them.
sub bits_of {
  my $bits = '';
  vec($bits, fileno($_), 1) = 1 for @_;
  return $bits;
}

# Reads once. Returns bytes, '' when there are none at the moment, undef at the end.
sub read_some {
  my ($handle) = @_;
  my $count = sysread($handle, my $bytes, READ_BYTES);
  return $count > 0 ? $bytes : undef if defined $count;
  return $! == EINTR || $! == EAGAIN ? '' : undef;
}

# Reads handles by name until all have ended: $on->(name, bytes), then $ended->(name). $on returns false to end at once.
sub pump {
  my ($handles, $on, $ended) = @_;
  my %open = %$handles;
  while (%open) {
    next if select(my $ready = bits_of(values %open), undef, undef, undef) <= 0;
    for my $name (sort keys %open) {
      next unless vec($ready, fileno($open{$name}), 1);
      my $bytes = read_some($open{$name});
      if (defined $bytes) { $bytes eq '' || $on->($name, $bytes) || return; next; }
      delete $open{$name};
      $ended->($name) || return;
    }
  }
}

# Writes all of it, waiting where it must; false when nobody reads any more.
sub write_all {
  my ($handle, $bytes) = @_;
  while (length $bytes) {
    my $count = syswrite($handle, $bytes);
    if (defined $count) { substr($bytes, 0, $count, ''); next; }
    return 0 unless $! == EINTR || $! == EAGAIN;
    select(undef, my $writable = bits_of($handle), undef, 1) if $! == EAGAIN;
  }
  return 1;
}

# As a shell has it: 128 + n for signal n.
sub exit_code { my ($status) = @_; return $status & 127 ? 128 + ($status & 127) : $status >> 8; }

# Written whole or not at all; a full disk leaves an empty file, or none.
sub write_file {
  my ($path, $text) = @_;
  open(my $file, '>', "$path.tmp") or return;
  print $file $text;
  close $file;
  rename("$path.tmp", $path);
}

# Runs a program in this process. Exits as a shell does when it cannot.
sub become {
  no warnings 'exec';
  { exec { $_[0] } @_; }
  my $code = $! == ENOENT ? 127 : 126;
  syswrite(STDERR, "exec: \"$_[0]\": $!\n");
  POSIX::_exit($code);
}

sub fail { my ($message) = @_; syswrite(STDERR, "$message\n"); POSIX::_exit(128); }

sub open_terminal {
  open(my $master, '+<', '/dev/ptmx') or die "cannot open /dev/ptmx: $!\n";
  my ($unlocked, $number) = (pack('i', 0), pack('i', 0));
  ioctl($master, numbers()->{unlock}, $unlocked) or die "cannot unlock the terminal: $!\n";
  ioctl($master, numbers()->{number}, $number) or die "cannot name the terminal: $!\n";
  return ($master, '/dev/pts/' . unpack('i', $number));
}

# In the child, after setsid. A raw terminal is one whose other end has a terminal of its own.
sub take_terminal {
  my ($name, $raw) = @_;
  open(my $terminal, '+<', $name) or fail("cannot open $name: $!");
  ioctl($terminal, numbers()->{control}, 0);
  if ($raw) {
    my $mode = POSIX::Termios->new;
    $mode->getattr(fileno $terminal);
    $mode->setiflag(0);
    $mode->setoflag(0);
    $mode->setlflag(0);
    $mode->setattr(fileno $terminal, POSIX::TCSANOW());
  }
  POSIX::dup2(fileno $terminal, $_) for 0, 1, 2;
}

# The kernel tells the terminal's foreground group; the command itself may relay a size (as `ctr` does) without being in
# it.
sub resize_terminal {
  my ($master, $pid, $rows, $columns) = @_;
  ioctl($master, numbers()->{resize}, pack('S4', $rows, $columns, 0, 0));
  kill('WINCH', $pid);
}

# Starts a command in a session of its own, on a new terminal (tty) or on pipes. Returns pid, in, out and err: handles;
# a terminal has one for both ways and no err, and without stdin the command reads nothing.
sub start_command {
  my ($o, @command) = @_;
  my ($master, $terminal, $in, $stdin, $out, $stdout, $err, $stderr);
  if ($o->{tty}) { ($master, $terminal) = open_terminal(); }
  else { pipe($stdin, $in); pipe($out, $stdout); pipe($err, $stderr); }
  # The pid is told only when it leads a group of its own, so that signals to the group reach it: exec closes the pipe.
  pipe(my $led, my $leads);
  my $pid = fork() // die "cannot fork: $!\n";
  if ($pid == 0) {
    $SIG{$_} = 'DEFAULT' for qw(TERM INT HUP PIPE QUIT);
    POSIX::setsid();
    if ($o->{tty}) { take_terminal($terminal, $o->{raw}); }
    else {
      open($stdin, '<', '/dev/null') unless $o->{stdin};
      POSIX::dup2(fileno $stdin, 0);
      POSIX::dup2(fileno $stdout, 1);
      POSIX::dup2(fileno $stderr, 2);
    }
    POSIX::close($_) for 3 .. 60;
    fail("cannot enter $o->{cwd}: $!") if defined $o->{cwd} && !chdir $o->{cwd};
    become(@command);
  }
  close $leads;
  sysread($led, my $nothing, 1);
  return { pid => $pid, in => $master, out => $master } if $o->{tty};
  return { pid => $pid, in => $o->{stdin} ? $in : undef, out => $out, err => $err };
}

# Attached clients. A frame has one byte for the type, four for the length (big-endian), then the data.
package Clients {
  sub new {
    my ($class, $path) = @_;
    my $self = bless { clients => {} }, $class;
    return $self unless defined $path;
    unlink $path;
    require IO::Socket::UNIX;
    $self->{listener} = IO::Socket::UNIX->new(Local => $path, Listen => 16) or die "cannot listen at $path: $!\n";
    return $self;
  }

  sub all { my ($self) = @_; return values %{ $self->{clients} }; }

  sub accept {
    my ($self) = @_;
    my $socket = $self->{listener}->accept or return;
    $socket->blocking(0);
    $self->{clients}{ fileno $socket } = { socket => $socket, in => '', out => '' };
  }

  sub send {
    my ($self, $type, $bytes) = @_;
    for my $client ($self->all) {
      $client->{out} .= pack('CN', $type, length $bytes) . $bytes;
      $self->flush($client);
    }
  }

  # A client that does not read is let go before it costs memory or stops the container.
  sub flush {
    my ($self, $client) = @_;
    while (length $client->{out}) {
      my $count = syswrite($client->{socket}, $client->{out});
      if (!defined $count) {
        last if $! == main::EAGAIN && length($client->{out}) < main::UNREAD_BYTES_MAX;
        return $self->drop($client);
      }
      substr($client->{out}, 0, $count, '');
    }
  }

  sub drop {
    my ($self, $client) = @_;
    delete $self->{clients}{ fileno $client->{socket} };
    close $client->{socket};
    $client->{gone} = 1;
  }

  # Calls $on->(client, type, data) for each whole frame.
  sub read {
    my ($self, $client, $on) = @_;
    my $bytes = main::read_some($client->{socket}) // return $self->drop($client);
    $client->{in} .= $bytes;
    while (length $client->{in} >= 5) {
      my ($type, $length) = unpack('CN', $client->{in});
      return $self->drop($client) if $length > main::FRAME_BYTES_MAX;
      last if length $client->{in} < 5 + $length;
      my $data = substr($client->{in}, 5, $length);
      substr($client->{in}, 0, 5 + $length, '');
      $on->($client, $type, $data);
      return if $client->{gone};
    }
  }
}

# One command that is run for a container: its streams, its log and who is attached.
package Session {
  sub new {
    my ($class, $o, @command) = @_;
    my $self = bless { o => $o, ahead => '', closing => 0, status => undef }, $class;
    $self->{log} = Log->open($o->{path}, $o->{max});
    $self->{clients} = Clients->new($o->{sock});
    $self->{child} = main::start_command($o, @command);
    $self->{streams} = { stdout => $self->{child}{out} };
    $self->{streams}{stderr} = $self->{child}{err} if $self->{child}{err};
    # A command that does not read must not hold up the rest.
    $self->{child}{in}->blocking(0) if $self->{child}{in} && !$o->{tty};
    return $self;
  }

  # Until the streams have ended. What the command has left running may hold them open: half a second after its end that
  # counts as the end.
  sub serve {
    my ($self) = @_;
    my ($streams, $idle) = ($self->{streams}, 0);
    while (%$streams) {
      my ($readable, $writable) = $self->wanted;
      my $count = select($readable, $writable, undef, 0.1);
      $self->reap;
      last if defined $self->{status} && $count <= 0 && ++$idle > 5;
      next if $count <= 0;
      $self->serve_clients($readable, $writable);
      $self->feed($writable);
      for my $name (sort keys %$streams) {
        $self->take($name) if vec($readable, fileno($streams->{$name}), 1);
      }
    }
    $self->{log}->finish($_) for qw(stdout stderr);
  }

  # What to wait for: bits of what is read and of what is written.
  sub wanted {
    my ($self) = @_;
    my ($clients, $in) = ($self->{clients}, $self->{child}{in});
    my @read = values %{ $self->{streams} };
    push @read, $clients->{listener} if $clients->{listener};
    push @read, map { $_->{socket} } $clients->all if length $self->{ahead} < main::AHEAD_BYTES_MAX;
    my @write = map { $_->{socket} } grep { length $_->{out} } $clients->all;
    push @write, $in if $in && length $self->{ahead};
    return (main::bits_of(@read), main::bits_of(@write));
  }

  sub reap {
    my ($self) = @_;
    return if defined $self->{status};
    $self->{status} = $? if waitpid($self->{child}{pid}, POSIX::WNOHANG()) == $self->{child}{pid};
  }

  sub serve_clients {
    my ($self, $readable, $writable) = @_;
    my ($clients, $o) = @$self{qw(clients o)};
    for my $client ($clients->all) {
      my $at = fileno $client->{socket};
      $clients->flush($client) if vec($writable, $at, 1);
      $clients->read($client, sub { $self->obey(@_); }) if !$client->{gone} && vec($readable, $at, 1);
      # One that went without a word has closed its standard input too.
      $self->{closing} = 1 if $client->{gone} && $client->{typed} && $o->{once};
    }
    $clients->accept if $clients->{listener} && vec($readable, fileno $clients->{listener}, 1);
  }

  # Does what a client's frame says. Standard input ends with its first client only where that was asked for
  # (stdinOnce); elsewhere the client who has nothing more to say goes, and the command waits for the next one.
  sub obey {
    my ($self, $client, $type, $data) = @_;
    my $o = $self->{o};
    if ($type == main::STDIN_DATA && $o->{stdin}) { $client->{typed} = 1; $self->{ahead} .= $data; }
    elsif ($type == main::STDIN_CLOSED && $o->{once}) { $self->{closing} = 1; }
    elsif ($type == main::STDIN_CLOSED && $o->{stdin}) { $self->{clients}->drop($client); }
    elsif ($type == main::RESIZE && $o->{tty} && $data =~ /^(\d+) (\d+)/) {
      main::resize_terminal($self->{child}{out}, $self->{child}{pid}, $1, $2);
    }
  }

  # Gives the command what clients have typed, and the end of it.
  sub feed {
    my ($self, $writable) = @_;
    my $in = $self->{child}{in} or return;
    if (length $self->{ahead} && vec($writable, fileno $in, 1)) {
      my $count = syswrite($in, $self->{ahead});
      if (defined $count) { substr($self->{ahead}, 0, $count, ''); }
      elsif ($! != main::EAGAIN) { $self->{ahead} = ''; }
    }
    return unless $self->{closing} && !length $self->{ahead};
    $self->{closing} = 0;
    if ($self->{o}{tty}) { syswrite($in, "\x04"); }
    else { close $in; delete $self->{child}{in}; }
  }

  sub take {
    my ($self, $name) = @_;
    my $bytes = main::read_some($self->{streams}{$name});
    if (!defined $bytes) { $self->{log}->finish($name); delete $self->{streams}{$name}; return; }
    return if $bytes eq '';
    $self->{log}->take($name, $bytes);
    $self->{clients}->send($name eq 'stdout' ? main::STDOUT_DATA : main::STDERR_DATA, $bytes);
  }
}

sub run_logger {
  my %o = @_;
  my $log = Log->open($o{path}, $o{max});
  open(my $stdout, '<&=', 3) or die "no descriptor 3: $!\n";
  open(my $stderr, '<&=', 4) or die "no descriptor 4: $!\n";
  open(my $ready, '>&=', 5) or die "no descriptor 5: $!\n";
  $SIG{$_} = 'IGNORE' for qw(TERM INT HUP);
  close $ready;
  pump({ stdout => $stdout, stderr => $stderr }, sub { $log->take(@_); 1 }, sub { $log->finish($_[0]); 1 });
  return 0;
}

sub run_command {
  my ($o, @command) = @_;
  $SIG{$_} = 'IGNORE' for qw(TERM INT HUP);
  my $session = Session->new($o, @command);
  my $pid = $session->{child}{pid};
  write_file($o->{pid}, "$pid\n");
  $session->serve;
  if (!defined $session->{status}) { waitpid($pid, 0); $session->{status} = $?; }
  kill('KILL', -$pid);
  my $code = exit_code($session->{status});
  write_file($o->{exit}, "$code\n");
  $session->{clients}->send(EXIT, $code);
  unlink $o->{sock} if defined $o->{sock};
  return 0;
}

sub run_pty {
  my $raw = $_[0] ne 'cooked';
  shift unless $raw;
  open(my $sizes, '<&=', 3);
  my $child = start_command({ tty => 1, raw => $raw }, @_);
  my ($pid, $master) = @$child{qw(pid out)};
  # Told to end: the command hears that the terminal has gone, and is killed when it does not care.
  $SIG{TERM} = sub {
    kill('HUP', -$pid);
    for (1 .. 20) { last if waitpid($pid, POSIX::WNOHANG()) == $pid; select(undef, undef, undef, 0.05); }
    kill('KILL', -$pid);
    POSIX::_exit(143);
  };
  my $lines = '';
  my %does = (
    input => sub { write_all($master, $_[0]); 1 },
    output => sub { write_all(\*STDOUT, $_[0]) or do { kill('HUP', $pid); return 0; }; 1 },
    sizes => sub {
      $lines .= $_[0];
      resize_terminal($master, $pid, $1, $2) while $lines =~ s/^(\d+) (\d+)\n//;
      1;
    },
  );
  my %handles = (input => \*STDIN, output => $master);
  $handles{sizes} = $sizes if $sizes;
  pump(\%handles, sub { my ($name, $bytes) = @_; $does{$name}->($bytes) }, sub {
    write_all($master, "\x04") if $_[0] eq 'input';
    return $_[0] ne 'output';
  });
  waitpid($pid, 0);
  return exit_code($?);
}

sub run_relay {
  my ($host, $port) = @_;
  require IO::Socket::INET;
  my $socket = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Proto => 'tcp', Timeout => 10);
  if (!$socket) { print STDERR "failed to connect to $host:$port inside the pod's network: $!\n"; return 1; }
  syswrite(STDERR, "connected\n");
  my $copy = sub { my ($from, $bytes) = @_; write_all($from eq 'input' ? $socket : \*STDOUT, $bytes) };
  my $ended = sub { $_[0] eq 'input' ? shutdown($socket, 1) : POSIX::close(1); 1 };
  pump({ input => \*STDIN, socket => $socket }, $copy, $ended);
  return 0;
}

sub run_enter {
  my ($root, $directory) = (shift, shift);
  system('mount', '--rbind', $_, "$root$_") for grep { -d "$root$_" } qw(/proc /sys /dev);
  while (@_ && $_[0] ne '--') {
    my ($source, $target, $access) = splice(@_, 0, 3);
    my $at = "$root$target";
    if (-d $source) { system('mkdir', '-p', $at); }
    else { my ($parent) = $at =~ m{^(.*)/}; system('mkdir', '-p', $parent); open(my $file, '>>', $at); }
    fail("cannot mount $target") if system('mount', '--bind', $source, $at) != 0;
    system('mount', '-o', 'remount,bind,ro', $at) if $access eq 'ro';
  }
  shift;
  chroot($root) or fail("cannot enter the root: $!");
  chdir($directory) or fail("cannot enter $directory: $!");
  become(@_);
}

sub run_pause {
  $| = 1;
  print "ready\n";
  close STDOUT;
  $SIG{CHLD} = 'IGNORE';
  $SIG{$_} = 'IGNORE' for qw(TERM INT HUP);
  sleep 1000000 while 1;
}

sub main {
  $SIG{PIPE} = 'IGNORE';
  return run_logger(@_) unless @_ && $_[0] =~ /^(?:run|pty|relay|pause|enter)$/;
  my $mode = shift;
  return run_pause() if $mode eq 'pause';
  require POSIX;
  require IO::Handle;
  return run_enter(@_) if $mode eq 'enter';
  return run_relay(@_) if $mode eq 'relay';
  return run_pty(@_) if $mode eq 'pty';
  my %o;
  while (@_ && $_[0] ne '--') { my ($key, $value) = splice(@_, 0, 2); $o{$key} = $value; }
  shift;
  return run_command(\%o, @_);
}

# Its tests load the file without running it.
exit main(@ARGV) unless caller;
1;
