#!/bin/bash
# Process 1 of the virtual machine of throwaway-vm.sh. Nothing in it needs an init system, which would take most of
# the time that it takes to boot. SSH_KEY, from the kernel's command line, is the public key that may log in as root.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null # some kernels have done that
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -sfn /proc/self/fd /dev/fd

# The addresses of qemu's user network are always these.
modprobe virtio_net
hostname vm
ip link set lo up
ip link set eth0 up
ip address add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
echo nameserver 10.0.2.3 >/etc/resolv.conf

mkdir -p /run/sshd /root/.ssh
echo "ssh-ed25519 $SSH_KEY" >/root/.ssh/authorized_keys
ssh-keygen -q -t ed25519 -N '' -f /run/host-key
/usr/sbin/sshd -h /run/host-key -o UsePAM=no -o MaxSessions=100

# As process 1, bash collects orphans while it waits.
while :; do
  sleep 3600 &
  wait $!
done
