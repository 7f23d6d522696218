#!/bin/sh
# What is timed: a script that says something at once.
echo "first output"
id
